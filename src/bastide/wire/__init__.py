"""AWS protocols from the service models: bytes in, calls out, and back."""
