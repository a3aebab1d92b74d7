import NIOSSL

/// The clients that may ask, by the DNS names that their certificates carry.
///
/// Only subject alternative names of that type count (RFC 9525, section 2): a common name is free text, which authorities
/// check less, so a certificate without such names is nobody's. Names are compared whole and without regard to case: a
/// wildcard in a client's certificate would stand for machines that nobody named.
struct ClientNames: Hashable, Sendable {
    private let names: Set<String>

    init(_ names: [String]) {
        self.names = Set(names.map { $0.lowercased() })
    }

    /// Every certificate that the authorities vouch for will do.
    var isEmpty: Bool { names.isEmpty }

    func permit(_ certificate: NIOSSLCertificate?) -> Bool {
        guard !names.isEmpty else { return true }
        guard let certificate else { return false }
        return permit(dnsNames: Self.dnsNames(certificate))
    }

    func permit(dnsNames: [String]) -> Bool {
        dnsNames.contains { !$0.contains("*") && names.contains($0.lowercased()) }
    }

    private static func dnsNames(_ certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().filter { $0.nameType == .dnsName }.map { name in
            name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Whether a text can be a DNS name that is compared with.
    static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }
}
