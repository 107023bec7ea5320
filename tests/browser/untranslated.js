// The visible texts of the page, and those that screen readers say: of what the dashboard itself writes.
// Not what people and programs wrote: code, names of things, the API's English sentences, which say that they are English.
() => {
  const OTHERS = "code, pre, .mono, [lang=en], [data-said], script, style, svg title, kbd, textarea";
  const found = new Set();
  const take = (text, element) => {
    const clean = (text ?? "").replace(/\s+/g, " ").trim();
    if (clean && !element.closest(OTHERS)) found.add(clean);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (element && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) take(walker.currentNode.data, element);
  }
  for (const name of ["aria-label", "title", "placeholder", "alt", "aria-description"])
    for (const element of document.body.querySelectorAll(`[${name}]`)) take(element.getAttribute(name), element);
  take(document.title, document.body);
  return [...found];
}
