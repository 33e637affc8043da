"""Speed: the product beside a bare client that makes only the necessary requests."""
