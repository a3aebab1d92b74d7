import FoundationEssentials
import Shared

/// What a registry's status means, with the specification's error codes where the body has any.
struct RegistryStatus: Sendable {
    private let response: TransferResponse

    init(_ response: TransferResponse) {
        self.response = response
    }

    /// For reading.
    ///
    /// - Parameter missing: what it is that a 404 says is not there.
    func check(_ subject: String, missing: RegistryError.Missing) throws(RegistryError) {
        switch response.status {
        case 200: return
        case 404 where isPage:
            // Something in front of the registry does not know the registry.
            throw .unavailable(subject, reason: "a page of HTML came with status 404: is this the registry's address?")
        case 404: throw .absent(subject, missing != .blob && codes.contains("NAME_UNKNOWN") ? .repository : missing)
        case 403: throw .denied(subject, reason: "the registry does not let these credentials read it (403)")
        case 429: throw .unavailable(subject, reason: "the registry asks for patience (429\(patience))")
        case 300..<400:
            throw .unavailable(
                subject,
                reason: "the registry redirects (\(response.status))\(redirection), which is not followed for it: "
                    + "name the registry that it points to")
        default: throw .unavailable(subject, reason: "the registry answered with status \(response.status)\(told)")
        }
    }

    /// For writing.
    func checkPut(_ subject: String) throws(RegistryError) {
        switch response.status {
        case 200, 201, 202, 204: return
        case 403: throw .refusedPut(subject, reason: "the registry does not let these credentials write it (403)")
        case 429: throw .refusedPut(subject, reason: "the registry asks for patience (429\(patience))")
        case 300..<500:
            throw .refusedPut(subject, reason: "the registry answered with status \(response.status)\(told)")
        default: throw .uncertainPut(subject, reason: "the registry answered with status \(response.status)")
        }
    }

    private var isPage: Bool {
        response.headers["content-type"].map(RegistryMediaType.essence) == "text/html"
    }

    private var patience: String {
        response.headers["retry-after"].map { ", Retry-After \(Hygiene.line($0, limit: 40))" } ?? ""
    }

    private var redirection: String {
        response.headers["location"].flatMap { WebOrigin($0) }.map { " to \(Hygiene.line($0.shown, limit: 100))" } ?? ""
    }

    private var told: String { codes.isEmpty ? "" : " (\(codes.joined(separator: ", ")))" }

    /// The codes that the specification knows. Nothing else that a registry writes is repeated: it may hold anything.
    private var codes: [String] {
        struct Wire: Decodable {
            struct Entry: Decodable { var code: String? }
            var errors: [Entry]?
        }
        guard response.body.count <= 64 << 10,
            let wire = try? JSONDecoder().decode(Wire.self, from: Data(response.body))
        else { return [] }
        let told = Set((wire.errors ?? []).prefix(100).compactMap(\.code))
        return told.intersection(Self.known).sorted()
    }

    private static let known: Set<String> = [
        "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DENIED", "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID",
        "TAG_INVALID", "TOOMANYREQUESTS", "UNAUTHORIZED", "UNSUPPORTED",
    ]
}
