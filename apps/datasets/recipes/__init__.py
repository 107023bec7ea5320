"""Words and forms of recipes and of parsing options. The steps themselves are in `workers/contracts/recipes`."""
