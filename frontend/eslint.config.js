import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** The doors of the frontend: shared ← features ← app; a feature never imports another (ARCHITECTURE.md, section 9). */
export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.gen.ts", "*.config.*", "scripts"] },
  ...tseslint.configs.recommendedTypeChecked,
  hooks.configs.flat.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", { max: 300 }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["@tabler/icons-react/dist/*"], message: "import the named icon" }] },
      ],
    },
  },
  {
    files: ["src/{api,live,components,lib,theme}/**"],
    rules: { "no-restricted-imports": ["error", { patterns: [{ group: ["@/features/*", "@/app/*", "../features/*", "../app/*"], message: "shared code knows no feature" }] }] },
  },
  ...["overview", "datasets", "runs", "models", "endpoints", "quotas", "access"].map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@/app/*"], message: "a feature does not know the app" },
            { regex: `^@/features/(?!${feature}/)`, message: "a feature never imports another" },
          ],
        },
      ],
    },
  })),
);
