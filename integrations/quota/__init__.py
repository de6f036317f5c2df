"""How many calls an account may make (token_bucket), and how many each platform made (usage)."""
