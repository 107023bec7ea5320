import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** Searches shortly after the last key, so that a list does not run after every letter. */
export function SearchBox({ label, value, onChange }: Props) {
  const [text, setText] = useState(value);
  const [heard, setHeard] = useState(value);
  const later = useDebouncedCallback(onChange, 250);
  if (heard !== value) {
    setHeard(value);
    // Cleared from elsewhere. Any other value is what was typed here a moment ago, and perhaps typed on since.
    if (value === "") setText("");
  }
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={14} aria-hidden />}
      value={text}
      maxLength={200}
      onChange={(event) => {
        setText(event.currentTarget.value);
        later(event.currentTarget.value);
      }}
      w={240}
    />
  );
}
