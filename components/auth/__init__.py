"""Layer one: who may do what, and the providers everything below is made with."""

from components.auth.component import Auth, AuthArgs

__all__ = ["Auth", "AuthArgs"]
