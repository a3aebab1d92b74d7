/// One test case of a JUnit file.
struct JUnitCase {
    enum Result {
        case passed
        case skipped(String)
        /// - Parameter details: a line each.
        case failed(type: String, message: String, details: [String])

        var isFailure: Bool { if case .failed = self { true } else { false } }
        var isSkipped: Bool { if case .skipped = self { true } else { false } }
    }

    /// The class, as Java has it: what readers group by.
    var group: String
    var name: String
    /// Seconds.
    var time: String
    var result: Result

    var lines: [String] {
        let start =
            "    <testcase" + XMLText.attribute("classname", group) + XMLText.attribute("name", name)
            + XMLText.attribute("time", time)
        switch result {
        case .passed: return [start + "/>"]
        case .skipped(let message):
            return [start + ">", "      <skipped\(XMLText.attribute("message", message))/>", "    </testcase>"]
        case .failed(let type, let message, let details):
            let failure = "      <failure" + XMLText.attribute("type", type) + XMLText.attribute("message", message)
            guard !details.isEmpty else { return [start + ">", failure + "/>", "    </testcase>"] }
            return [start + ">", failure + ">"] + details.map { XMLText.line($0, limit: 4_096) }
                + ["</failure>", "    </testcase>"]
        }
    }
}
