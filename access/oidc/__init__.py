"""Signing in at a provider of OpenID Connect (Keycloak, Entra, Google, …): the code flow with PKCE.

provider.py what is asked of it over the network; tokens.py whether what it says is true; flow.py what a browser is sent
with, and what it comes back with; people.py whose account that is here, and with which groups; session.py what the
session knows of it; signing_out.py signing out at the provider, and who signed out there.
"""
