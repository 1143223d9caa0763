"""The contract: what travels between services and to departments. No framework, no rule, nothing of a service."""
