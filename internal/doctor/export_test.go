package doctor

// FilesWrong says why call files cannot be put.
func FilesWrong(err error) Finding { return filesWrong(err)[0] }
