"""The pages of the second factor: a code at sign-in, setting it up, and confirming anew that it is oneself."""
