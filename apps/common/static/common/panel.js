// The panel's own script: one theme with the dashboard, and what was changed in a grid.

// Before the panel's theme starts: the dashboard keeps light, dark or system in a cookie.
const THEME = "bedplate_theme";
const chosen = document.cookie.split("; ").find((part) => part.startsWith(`${THEME}=`))?.split("=")[1];
if (["light", "dark", "auto"].includes(chosen)) localStorage.setItem("adminTheme", JSON.stringify(chosen));

function keepTheme() {
  let shown = chosen;
  const write = () => {
    const now = JSON.parse(localStorage.getItem("adminTheme") ?? '"auto"');
    if (now === shown) return;
    shown = now;
    document.cookie = `${THEME}=${now}; path=/; max-age=31536000; samesite=lax`;
  };
  new MutationObserver(() => setTimeout(write)).observe(document.documentElement, { attributeFilter: ["class"] });
}

// Marks the cells of a grid that differ from what the page showed, and counts them.
function watchGrid(form) {
  const told = document.getElementById("grid-changed");
  const word = form.dataset.changed ?? "";
  const before = (field) => field.dataset.was ?? (field.tagName === "SELECT" ? field.dataset.first : field.defaultValue);
  const fields = [...form.querySelectorAll("td input, td select, th input")];
  for (const field of fields) {
    if (field.tagName === "SELECT") {
      field.dataset.first = [...field.options].find((option) => option.defaultSelected)?.value ?? "";
    }
  }
  const look = () => {
    const changed = fields.filter((field) => field.value.trim() !== before(field));
    for (const field of fields) field.classList.toggle("bp-changed", changed.includes(field));
    if (told) told.textContent = changed.length ? `${changed.length} ${word}` : "";
  };
  form.addEventListener("input", look);
  form.addEventListener("reset", () => setTimeout(look));
  look();
}

document.addEventListener("DOMContentLoaded", () => {
  keepTheme();
  for (const form of document.querySelectorAll(".bp-grid-form")) watchGrid(form);
});
