"""The people: who they are, what is known of them, what they agreed to. Left to right: identity fields dirty consent
contacts accounts deals."""
