/** Passkeys: what the browser wants and gives as bytes, and the server says as JSON. */

/** Whether this browser has passkeys here; over plain HTTP it has them on this machine only. */
export function hasPasskeys(): boolean {
  return typeof window.PublicKeyCredential === 'function'
}

/** Read base64url. */
export function toBytes(text: string): ArrayBuffer {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0)).buffer
}

/** Write base64url. */
export function toText(bytes: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function described(each: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return { ...each, id: toBytes(each.id), type: 'public-key', transports: each.transports as AuthenticatorTransport[] }
}

/** Have a passkey made as the server told; returns what it is sent. */
export async function makePasskey(told: object): Promise<Record<string, unknown>> {
  const options = told as PublicKeyCredentialCreationOptionsJSON
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map(described),
  } as PublicKeyCredentialCreationOptions
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential
  const response = made.response as AuthenticatorAttestationResponse
  return {
    ...common(made),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      attestationObject: toText(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  }
}

/** Have a passkey prove itself as the server told; returns what it is sent. */
export async function usePasskey(told: object): Promise<Record<string, unknown>> {
  const options = told as PublicKeyCredentialRequestOptionsJSON
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: options.allowCredentials?.map(described),
  } as PublicKeyCredentialRequestOptions
  const used = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential
  const response = used.response as AuthenticatorAssertionResponse
  return {
    ...common(used),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(response.authenticatorData),
      signature: toText(response.signature),
      userHandle: response.userHandle ? toText(response.userHandle) : null,
    },
  }
}

function common(credential: PublicKeyCredential): Record<string, unknown> {
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
  }
}

/** Tell whether somebody said no, or waited too long: that is no failure of anything. */
export function isDeclined(error: unknown): boolean {
  return error instanceof DOMException && ['NotAllowedError', 'AbortError'].includes(error.name)
}
