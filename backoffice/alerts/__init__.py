"""Tells people what needs them: what is so (conditions), since when for those who are told (watch), and by e-mail
(letters, outbox) to those who subscribed (page)."""
