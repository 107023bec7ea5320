"use strict";
// Clients of MLflow print <tracking URI>/#/experiments/…: said again as a query it reaches the server, also past the
// sign-in. At /mlflow and below this is the page for it; elsewhere (the sign-in page) only what looks so is taken up.
(() => {
  const at = location.hash.slice(1);
  const own = /^\/mlflow(\/|$)/.test(location.pathname);
  if (own || /^\/(experiments|models)(\/|\?|$)/.test(at)) {
    location.replace(`${own ? location.pathname : "/mlflow"}?at=${encodeURIComponent(at)}`);
  }
})();
