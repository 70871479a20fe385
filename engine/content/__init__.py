"""What people receive: templates, how they are rendered, and the signed links in them."""
