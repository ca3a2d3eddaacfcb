"""What tests of several rooms make their worlds of."""
