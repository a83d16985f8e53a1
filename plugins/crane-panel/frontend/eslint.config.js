import vue from 'eslint-plugin-vue'
import accessibility from 'eslint-plugin-vuejs-accessibility'
import typescript from 'typescript-eslint'

export default typescript.config(
  { ignores: ['node_modules', 'src/api/schema.d.ts'] },
  ...typescript.configs.strict,
  ...vue.configs['flat/recommended'],
  ...accessibility.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    rules: {
      // How long lines are and where attributes stand is looked at by people.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/require-default-prop': 'off',
      'vue/no-v-html': 'error',
      // Each index is checked by the compiler; what a pattern has just matched is there all the same.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A label may hold its control or name it.
      'vuejs-accessibility/label-has-for': [
        'error',
        {
          required: { some: ['nesting', 'id'] },
          controlComponents: ['ElCheckbox', 'ElInput', 'ElInputNumber', 'ElSelect', 'ElSwitch'],
        },
      ],
      'vuejs-accessibility/form-control-has-label': 'off',
      // Escape closes a menu from wherever in it the focus is, so what holds the menu listens; regions that scroll can
      // be reached by keyboard. Neither is something to press.
      'vuejs-accessibility/no-static-element-interactions': 'off',
    },
  },
)
