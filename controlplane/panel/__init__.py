"""The admin panel as a whole: the site, its navigation, and the pages that are about the whole installation."""
