"""Session Manager's data channel: what an exec session and its client say to each other. No I/O, no clock.

`messages` is the bytes, `payloads` what is in them; `outgoing` and `incoming` make a stream that neither
loses, repeats nor reorders out of messages that may be; `channel` is the state of one session.
"""
