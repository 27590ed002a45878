"""A layer on its way from the content store to a snapshot: unpacked, and looked at before it is believed.

containerd runs this package as a program (a "stream processor"), one process a layer, and unpacks what comes
out of it: so a layer is decompressed once, and what is refused here never reaches the disk.
"""
