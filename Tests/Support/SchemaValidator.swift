internal import Foundation
internal import Glibc

/// Checks JSON documents against the schemas in `Tests/Schemas`, with an independent implementation.
public enum SchemaValidator {
    public enum Schema: String, Sendable {
        case document = "buildinfo.schema.json"
        case report = "report.schema.json"
    }

    private static let script = """
        import json, sys, jsonschema
        schema = json.load(open(sys.argv[1]))
        jsonschema.Draft202012Validator.check_schema(schema)
        checker = jsonschema.FormatChecker()
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        for document in json.load(sys.stdin):
            for error in validator.iter_errors(document):
                print('/'.join(map(str, error.absolute_path)) + ': ' + error.message)
        """

    /// The defects of a document, one line each; empty if it is valid.
    ///
    /// - Throws: if it is not JSON, or Python's jsonschema is missing.
    public static func defects(_ json: String, against schema: Schema) async throws -> [String] {
        try await defects([json], against: schema)
    }

    /// The defects of several documents.
    public static func defects(_ documents: [String], against schema: Schema) async throws -> [String] {
        let json = "[\(documents.joined(separator: ","))]"
        let python = Program(path: "/usr/bin/python3")
        let remedy = "apt-get install python3 python3-jsonschema"
        guard access(python.path, X_OK) == 0 else { throw MissingPart(python.path, remedy: remedy) }
        let outcome = try await python.run(
            ["-W", "ignore", "-c", script, try file(schema)], input: json)
        guard !outcome.error.contains("No module named") else {
            throw MissingPart("Python's jsonschema", remedy: remedy)
        }
        guard outcome.exitCode == 0 else {
            throw SpawnedProcess.Failure(description: "not to be validated: \(outcome.error)\n\(json)")
        }
        return outcome.output.split(separator: "\n").map(String.init)
    }

    private static func file(_ schema: Schema) throws -> String {
        try SourceTree.path("Tests/Schemas/\(schema.rawValue)")
    }
}
