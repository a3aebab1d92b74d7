internal import Shared

extension LocalRegistry {
    /// Pushes a generated image under a tag, with all of its blobs and manifests.
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

    /// Pushes only a manifest, whose parts exist already.
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
        // The client omits the length of an empty body, but a POST requires it.
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
