import Foundation
import Shared

/// What a registry's notice tells about repositories.
///
/// It only saves requests: whatever it does not understand may concern every tag. Reading a tag is an event, too, of which a
/// registry may send a notice.
struct HookNotice {
    private struct Event {
        let isPull: Bool
        /// nil if the event names none.
        let repository: String?
    }

    /// Empty if the body names no events.
    private let events: [Event]

    private struct Envelope: Decodable {
        struct Event: Decodable {
            struct Target: Decodable { let repository: String? }
            let action: String?
            let target: Target?
        }
        let events: [Event]
    }

    private struct HarborEvent: Decodable {
        struct Content: Decodable {
            struct Repository: Decodable {
                let fullName: String?
                enum CodingKeys: String, CodingKey { case fullName = "repo_full_name" }
            }
            let repository: Repository?
        }
        let type: String
        let content: Content?
        enum CodingKeys: String, CodingKey {
            case type
            case content = "event_data"
        }
    }

    /// - Parameter body: from a sender who may send notices.
    init(_ body: [UInt8], kind: Hook.Kind) {
        let decoder = JSONDecoder()
        switch kind {
        case .distribution:
            let envelope = try? decoder.decode(Envelope.self, from: Data(body))
            events = (envelope?.events ?? []).map {
                Event(isPull: $0.action == "pull", repository: $0.target?.repository)
            }
        case .harbor:
            let event = try? decoder.decode(HarborEvent.self, from: Data(body))
            events =
                event.map {
                    [Event(isPull: $0.type == "PULL_ARTIFACT", repository: $0.content?.repository?.fullName)]
                } ?? []
        case .github, .gitea, .gitlab, .generic: events = []
        }
    }

    /// False if all that the notice tells is something else than a change of the repository.
    func mayConcern(_ image: ImageReference) -> Bool {
        guard !events.isEmpty else { return true }
        return events.contains { event in
            !event.isPull && (event.repository.map { $0.isEmpty || $0 == image.path } ?? true)
        }
    }
}
