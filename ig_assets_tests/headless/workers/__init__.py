"""Workers"""
