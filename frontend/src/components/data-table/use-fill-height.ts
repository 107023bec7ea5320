import { useLayoutEffect, useState, type RefObject } from "react";

const LEAST = 280;

/** The height from where the element begins to the bottom of the window, less `below` px; followed as things above it change. */
export function useFillHeight(element: RefObject<HTMLElement | null>, enabled: boolean, below: number): number {
  // A bound from the first moment: virtual rows look at the height before it is measured, and without one all of them would fit.
  const [height, setHeight] = useState(() => window.innerHeight);
  useLayoutEffect(() => {
    const node = element.current;
    if (!enabled || !node) return undefined;
    const measure = (): void => {
      const top = node.getBoundingClientRect().top + window.scrollY;
      setHeight(Math.max(LEAST, Math.floor(window.innerHeight - top - below)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    // What stands above the table moves it; the height of its parent tells so.
    if (node.parentElement) observer.observe(node.parentElement);
    for (let before = node.previousElementSibling; before; before = before.previousElementSibling) observer.observe(before);
    window.addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", measure);
    };
  }, [element, enabled, below]);
  return height;
}
