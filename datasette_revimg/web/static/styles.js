// Where a content security policy forbids style attributes, browsers ignore them; scripts may still
// set what they say.
for (const part of document.querySelectorAll(".revimg [style]")) {
  if (!part.style.length) part.style.cssText = part.getAttribute("style");
}
