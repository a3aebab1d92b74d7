internal import Foundation

/// Checks and queries XML documents with libxml2: a schema for JUnit, and XPath expressions.
public enum XMLValidator {
    private static func xmllint() throws -> Program {
        try Program.installed("xmllint", remedy: "apt-get install libxml2-utils")
    }

    /// The defects of JUnit files in xmllint's words; empty if they are valid.
    public static func junitDefects(_ documents: [String]) async throws -> String {
        let folder = try TemporaryFolder()
        let schema = try SourceTree.path("Tests/Schemas/junit.xsd")
        let paths = try documents.enumerated().map { try folder.write("\($0.offset).xml", $0.element) }
        let outcome = try await xmllint().run(["--noout", "--nonet", "--schema", schema] + paths)
        return outcome.exitCode == 0 ? "" : outcome.error
    }

    /// The value of an XPath expression.
    public static func value(_ expression: String, in xml: String) async throws -> String {
        let output = try await answer(expression, in: xml)
        // xmllint adds a newline to a value.
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    /// The values of the attributes that an XPath expression selects, in order.
    public static func values(_ expression: String, in xml: String) async throws -> [String] {
        // One ` name="value"` per line, with the value escaped.
        try await answer(expression, in: xml).split(separator: "\n").compactMap { line in
            guard let quote = line.firstIndex(of: "\""), line.hasSuffix("\"") else { return nil }
            let value = String(line[line.index(after: quote)...].dropLast())
            return [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
                .reduce(value) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
        }
    }

    private static func answer(_ expression: String, in xml: String) async throws -> String {
        let outcome = try await xmllint().run(["--nonet", "--xpath", expression, "-"], input: xml)
        guard outcome.exitCode == 0 else {
            throw SpawnedProcess.Failure(description: "\(expression): \(outcome.error)")
        }
        return outcome.output
    }
}
