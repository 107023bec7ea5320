import { Button, Menu, type ButtonProps, type MenuItemProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { ComponentPropsWithRef } from "react";

type Anchor = Omit<ComponentPropsWithRef<"a">, "href" | "style" | "color">;

function ButtonAnchor(props: ButtonProps & Anchor) {
  return <Button component="a" {...props} />;
}

function ItemAnchor(props: MenuItemProps & Anchor) {
  return <Menu.Item component="a" {...props} />;
}

/** A link that looks like a button, typed by the routes that there are. */
export const LinkButton = createLink(ButtonAnchor);

/** A link in a menu. */
export const LinkItem = createLink(ItemAnchor);
