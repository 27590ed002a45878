"""What would be decided: SimulatePrincipalPolicy, SimulateCustomPolicy, and the keys policies ask for."""
