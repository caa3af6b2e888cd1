import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that come in pieces: what a manifest says of a file.
///
/// The backend is Debian's OpenSSL, whose EVP interface (EVP_DigestInit(3)) uses the processor's
/// SHA instructions; docs/decisions/0003-hashing.md says why.
package struct ContentHash: ~Copyable, Sendable {
    private let context: EVPContext

    /// The hash of nothing yet; allocates the digest's state.
    package init() {
        context = EVPContext()
    }

    /// Takes the next bytes.
    package mutating func update(_ bytes: Span<UInt8>) {
        // SAFETY: EVP reads exactly the span's bytes; the context was initialised.
        let result = unsafe bytes.withUnsafeBytes {
            unsafe EVP_DigestUpdate(context.pointer, $0.baseAddress, $0.count)
        }
        precondition(result == 1, "SHA-256 failed")
    }

    /// The 32 bytes of the hash of all that was taken.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        // SAFETY: SHA-256 writes 32 bytes, which is the array's size.
        let result = unsafe EVP_DigestFinal_ex(context.pointer, &digest, nil)
        precondition(result == 1, "SHA-256 failed")
        return digest
    }

    /// The hash in lower-case hexadecimal, 64 characters.
    package consuming func finishHex() -> String {
        finish().hexadecimal
    }

    /// The hash of `bytes` in lower-case hexadecimal.
    package static func hex(of bytes: [UInt8]) -> String {
        var hash = ContentHash()
        hash.update(bytes.span)
        return hash.finishHex()
    }
}

/// Owns OpenSSL's state of one digest.
// Sendable because its only owner is one `ContentHash`, a value that cannot be copied.
@safe private final class EVPContext: @unchecked Sendable {
    // SAFETY: the pointer stays valid until `deinit` and is never handed out.
    let pointer: OpaquePointer

    init() {
        // SAFETY: EVP_MD_CTX_new returns a context of its own or NULL when memory is gone.
        guard let pointer = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(pointer, EVP_sha256(), nil) == 1
        else { fatalError("OpenSSL has no SHA-256, or memory is gone") }
        unsafe self.pointer = pointer
    }

    deinit {
        // SAFETY: nobody else holds the pointer.
        unsafe EVP_MD_CTX_free(pointer)
    }
}

extension Sequence<UInt8> {
    /// Two lower-case hexadecimal digits for each byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
