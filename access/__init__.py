"""Who may use OMS, and how far: API tokens with their scopes, platforms and expiry."""
