"""The home page of the admin: what needs attention (attention, health), figures (charts), and the page."""
