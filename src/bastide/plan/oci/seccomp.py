"""Which system calls a container of a shared kernel may make: an allowlist; what is not in it is refused.

What Docker's manual says of its default profile ("Seccomp security profiles for Docker"), by purpose.
Names that only one architecture or a newer kernel knows do no harm: the runtime passes over what its library
does not know. Refused is EPERM; `clone3` says ENOSYS, so that C libraries go on with `clone`, whose flags can
be looked at.
"""

from collections.abc import Iterable, Mapping
from typing import Any

EPERM, ENOSYS = 1, 38
NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* but CLONE_NEWTIME, which clone(2) does not take; linux/sched.h
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)  # Linux, PER_LINUX32, UNAME26, both, "tell me"
AF_ALG, AF_VSOCK = 38, 40  # the kernel's crypto, and the way to a hypervisor; linux/socket.h
ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}

FILES = """
    access arm_fadvise64_64 arm_sync_file_range cachestat chdir chmod chown chown32 close close_range
    copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark
    fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr
    flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64
    futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr _llseek
    lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open
    openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
    removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice
    stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs tee
    truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev
"""
EVENTS = """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit
    _newselect pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
MEMORY = """
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
    mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    process_mrelease remap_file_pages
"""
PROCESSES = """
    arch_prctl breakpoint cacheflush capget capset execve execveat exit exit_group fork futex futex_requeue
    futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp
    getpid getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set kill
    landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt pidfd_open pidfd_send_signal
    prctl prlimit64 process_vm_readv process_vm_writev ptrace restart_syscall rseq sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address set_tls setpgid
    setpriority setrlimit setsid tgkill tkill ugetrlimit vfork wait4 waitid waitpid
"""
IDENTITY = """
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid
    setuid32
"""
SIGNALS = """
    alarm pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction sigaltstack signal sigpending
    sigprocmask sigreturn sigsuspend
"""
TIME = """
    adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times
"""
NETWORK = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""
IPC = """
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    semtimedop_time64 shmat shmctl shmdt shmget
"""
SYSTEM = "getrandom sysinfo uname"
ALWAYS = tuple(
    sorted(
        {
            name
            for group in (FILES, EVENTS, MEMORY, PROCESSES, IDENTITY, SIGNALS, TIME, NETWORK, IPC, SYSTEM)
            for name in group.split()
        }
    )
)
# What the kernel grants only to these capabilities anyway; refused all the same to who lacks them.
WITH_CAPABILITY: Mapping[str, tuple[str, ...]] = {
    "CAP_SYS_CHROOT": ("chroot",),
    "CAP_SYS_PTRACE": ("kcmp", "pidfd_getfd", "process_madvise"),
}


def plan_seccomp(capabilities: Iterable[str], *, machine: str) -> dict[str, Any]:
    """The OCI spec's `seccomp` for a bounding set, on a machine as `uname -m` names it."""
    granted = sorted(name for each in capabilities for name in WITH_CAPABILITY.get(each, ()))
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "architectures": list(ARCHITECTURES[machine]),
        "syscalls": [
            _allow(*ALWAYS, *granted),
            _allow("clone", when=_argument(0, NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ", masked=0)),
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
            *(_allow("personality", when=_argument(0, each, "SCMP_CMP_EQ")) for each in PERSONALITIES),
            _allow("socket", when=_argument(0, AF_ALG, "SCMP_CMP_LT")),
            _allow("socket", when=_argument(0, AF_ALG + 1, "SCMP_CMP_EQ")),
            _allow("socket", when=_argument(0, AF_VSOCK, "SCMP_CMP_GT")),
        ],
    }


def _allow(*names: str, when: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": [when] if when else []}


def _argument(index: int, value: int, operator: str, *, masked: int | None = None) -> dict[str, Any]:
    """A test of one argument; for a masked one `value` is the mask and `masked` what must be left."""
    second = {} if masked is None else {"valueTwo": masked}
    return {"index": index, "value": value, "op": operator, **second}
