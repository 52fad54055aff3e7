"""What a call is, below the services and above the transports."""
