"""The pieces several protocols are made of; each compiles a shape once into a closure."""
