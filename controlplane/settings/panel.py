"""How the admin panel looks: names, glyph, colours."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Bedplate",
    "SITE_HEADER": "Bedplate",
    "SITE_SUBHEADER": gettext_lazy("Administration"),
    "SITE_URL": "/",
    "SITE_ICON": {"light": "/static/common/glyph.svg", "dark": "/static/common/glyph-dark.svg"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/common/glyph.svg"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "4px",
    "STYLES": ["/static/common/panel.css"],
    "SCRIPTS": ["/static/common/panel.js"],
    "SIDEBAR": {"navigation": "controlplane.panel.navigation.navigation", "show_search": False},
    "COLORS": {  # slate and teal, as the dashboard has them
        "base": {
            "50": "#f6f8fa",
            "100": "#eef2f6",
            "200": "#d8dee6",
            "300": "#c3ccd8",
            "400": "#9fabbb",
            "500": "#556173",
            "600": "#3d4957",
            "700": "#2b3542",
            "800": "#1f2833",
            "900": "#171e27",
            "950": "#10151c",
        },
        "primary": {
            "50": "#e6f6f4",
            "100": "#cdebe8",
            "200": "#9bd8d2",
            "300": "#6bcac1",
            "400": "#4fc0b8",
            "500": "#4fc0b8",
            "600": "#0f6b66",
            "700": "#0b5551",
            "800": "#08403d",
            "900": "#062f2d",
            "950": "#041f1e",
        },
    },
}
