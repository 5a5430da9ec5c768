"""Stage 1, acquire: images, and one table of what is known of them."""
