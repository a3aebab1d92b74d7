internal import Shared

extension LocalRegistry {
    /// Puts a made-up image under a tag, with everything that it needs.
    public func push(_ image: MadeImage, to repository: String, tag: String) throws {
        try upload(image, to: repository)
        try put(image.manifest, as: tag, to: repository)
    }

    private func upload(_ image: MadeImage, to repository: String) throws {
        for blob in image.blobs { try upload(blob, to: repository) }
        for child in image.children {
            try upload(child, to: repository)
            try put(child.manifest, as: child.digest.description, to: repository)
        }
    }

    /// Puts a manifest alone, whose parts are there.
    public func put(_ manifest: MadeImage.Blob, as name: String, to repository: String) throws {
        var request = LoopbackRequest("PUT", authority, "/v2/\(repository)/manifests/\(name)")
        request.headers = [("Content-Type", manifest.mediaType)] + authorization
        request.body = manifest.bytes
        guard let answer = request.answer(), answer.status == 201 else {
            throw Failure(description: "the registry took no \(repository):\(name): \(request.answer()?.text ?? "")")
        }
    }

    private func upload(_ blob: MadeImage.Blob, to repository: String) throws {
        var start = LoopbackRequest("POST", authority, "/v2/\(repository)/blobs/uploads/")
        // An empty body has no length here, and a POST needs one.
        start.headers = [("Content-Length", "0")] + authorization
        guard let opened = start.answer(), opened.status == 202, let location = opened.headers["location"],
            let path = location.firstRange(of: authority).map({ String(location[$0.upperBound...]) })
        else { throw Failure(description: "the registry opened no upload") }
        var upload = LoopbackRequest("PUT", authority, "\(path)&digest=\(blob.digest)")
        upload.headers = [("Content-Type", "application/octet-stream")] + authorization
        upload.body = blob.bytes
        guard let answer = upload.answer(), answer.status == 201 else {
            throw Failure(description: "the registry took no blob: \(upload.answer()?.text ?? "")")
        }
    }
}
