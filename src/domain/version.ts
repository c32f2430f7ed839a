/** The product's version. It equals the one in package.json. */
export const productVersion = '0.1.0'
