import Shared
package import Verdict

/// The texts of reasons as a report has them. Most hosts share a few reasons, so their texts are made and stored once.
package struct ReasonTexts {
    /// A host's reason in words.
    struct Explanation {
        let sentence: String
        /// nil if the sentence is the finding alone.
        let parts: ReasonText?

        /// Sanitises a text.
        init(_ text: ReasonText) {
            let clean = text.sanitised
            sentence = Sanitizer.singleLine(clean.sentence, limit: 1_536)
            parts = clean.isDivided ? clean : nil
        }
    }

    private var findings = Cache<String>()
    private var explanations = Cache<Explanation>()

    package init() {}

    /// The finding of a reason, for a change of status.
    package mutating func finding(_ reason: HostReason) -> String {
        findings.text(of: reason) { Sanitizer.singleLine(reason.text.finding) }
    }

    mutating func explanation(_ reason: HostReason) -> Explanation {
        explanations.text(of: reason) { Explanation(reason.text) }
    }

    private struct Cache<Text> {
        private var known: [HostReason: Text] = [:]
        /// Consecutive hosts are mostly alike, and comparing is faster than hashing.
        private var latest: (reason: HostReason, text: Text)?
        /// The most reasons that are kept: some differ from host to host.
        private static var maximum: Int { 4_096 }

        mutating func text(of reason: HostReason, _ make: () -> Text) -> Text {
            if let latest, latest.reason == reason { return latest.text }
            if let text = known[reason] {
                latest = (reason, text)
                return text
            }
            let text = make()
            if known.count < Self.maximum { known[reason] = text }
            latest = (reason, text)
            return text
        }
    }
}
