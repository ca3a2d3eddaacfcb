"""What an asset's page in the UI says of it besides its figures."""
