/// The operating system, architecture and variant that an image is built for.
///
/// Normalised like containerd's package `platforms` (`normalizeOS` and `normalizeArch`): `x86_64` and `amd64` are one
/// platform, and so are `arm64` and `arm64/v8`.
public struct Platform: Hashable, Sendable {
    /// The operating system, for example `linux`.
    public let os: String
    /// The architecture, for example `amd64`.
    public let architecture: String
    /// The variant, for example `v7`; nil for the architecture's default.
    public let variant: String?

    public init(os: String, architecture: String, variant: String? = nil) {
        let os = os.lowercased()
        self.os = os == "macos" ? "darwin" : os
        let variant = variant.flatMap { $0.isEmpty ? nil : $0.lowercased() }
        switch (architecture.lowercased(), variant) {
        case ("i386", _), ("i486", _), ("i586", _), ("i686", _), ("x86", _), ("386", _):
            (self.architecture, self.variant) = ("386", nil)
        case ("x86_64", "v1"?), ("x86-64", "v1"?), ("amd64", "v1"?):
            (self.architecture, self.variant) = ("amd64", nil)
        case ("x86_64", let other), ("x86-64", let other), ("amd64", let other):
            (self.architecture, self.variant) = ("amd64", other)
        case ("aarch64", "8"?), ("arm64", "8"?), ("aarch64", "v8"?), ("arm64", "v8"?):
            (self.architecture, self.variant) = ("arm64", nil)
        case ("aarch64", let other), ("arm64", let other):
            (self.architecture, self.variant) = ("arm64", other)
        case ("armhf", _):
            (self.architecture, self.variant) = ("arm", "v7")
        case ("armel", _):
            (self.architecture, self.variant) = ("arm", "v6")
        case ("arm", nil), ("arm", "7"?):
            (self.architecture, self.variant) = ("arm", "v7")
        case ("arm", "5"?), ("arm", "6"?), ("arm", "8"?):
            (self.architecture, self.variant) = ("arm", variant.map { "v\($0)" })
        case (let other, _):
            (self.architecture, self.variant) = (other, variant)
        }
    }

    /// Parses `os/architecture` or `os/architecture/variant`; nil for anything else.
    public init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: "/" as Character, omittingEmptySubsequences: false).map { String($0) }
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }

    /// True for `unknown/unknown`, which builders use for attestations. Nothing runs on it.
    public var isAttestation: Bool { os == "unknown" && architecture == "unknown" }
}

extension Platform: WireString, Codable {
    public init?(contractText: String) { self.init(parsing: contractText) }

    public var contractText: String { description }
}

extension Platform: CustomStringConvertible {
    public var description: String { ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/") }
}
