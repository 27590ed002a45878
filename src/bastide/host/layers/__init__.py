"""A layer on its way from a registry or the content store to a snapshot, looked at before it is believed.

containerd runs this package as a program (a "stream processor"), one process a layer, and unpacks what comes
out of it: so a layer is decompressed once, and what is refused here never reaches the disk. What a pull
brings reaches the program while it still comes (`arrivals` and `feeding` are the agent's side of that).
"""
