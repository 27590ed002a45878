"""What goes over streams of bytes: how a message is framed, and what an operator and the server say."""
