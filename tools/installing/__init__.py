"""What `tools/setup` is made of: Debian's packages, the virtual environment, the runtime parts.

Standard library only: it runs before anything of ours is installed (but for `probe`, which the new
environment runs). Every step is repeatable, and one that has nothing to do says nothing.
"""
