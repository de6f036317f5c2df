"""The home page of the admin: what needs somebody (attention, health), figures to look at (charts), and the page."""
