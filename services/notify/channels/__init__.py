"""The ways out of the house, one module each; all are `services.notify.ports.Channel`."""
