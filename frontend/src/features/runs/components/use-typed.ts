import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";

interface Typed {
  /** As it is typed. */
  wanted: string;
  /** The same, once the reader pauses: to be searched for. */
  words: string;
  /** For `onSearchChange`, with the label of what is chosen. */
  onSearch: (text: string, chosen: string | undefined) => void;
}

/** What is typed into a searchable select. The label of what is chosen is not: the select writes that itself. */
export function useTyped(): Typed {
  const [typed, setTyped] = useState("");
  const [label, setLabel] = useState("");
  const wanted = typed === label ? "" : typed.trim();
  const [words] = useDebouncedValue(wanted, 200);
  const onSearch = (text: string, chosen: string | undefined): void => {
    setTyped(text);
    if (text === chosen) setLabel(text);
  };
  return { wanted, words, onSearch };
}
